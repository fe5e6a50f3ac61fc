"""The words of the field, in plain sentences and with the questions whose answers give each its figures."""
