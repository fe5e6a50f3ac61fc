"""What llmscale is measured by, as commands that anyone can run."""
