"""Pictures of answers: a kind asks `llmscale.answers` and lays out a picture, a drawer draws any picture."""
