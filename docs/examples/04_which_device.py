"""The cheapest consumer cards that take a model in four bits."""

from llmscale import needs

for device in needs("llama-3.3-70b", "q4_k_m", kind="consumer", max_count=2).devices[:5]:
    print(device.count, device.id, device.price_usd)
