"""The devices of this machine; one module a vendor, each asked in turn (`registry`)."""
