"""The structure of HDF5 files (HDF5 File Format Specification 3.0), walked from the root to its ends."""
