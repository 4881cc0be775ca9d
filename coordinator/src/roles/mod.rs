//! The BIP 174 roles that the coordinator plays, one a file. Pure.
