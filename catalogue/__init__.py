"""The monthly habit that keeps `data/models.yaml` alive: `make catalogue-new`."""
