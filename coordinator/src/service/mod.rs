//! What the coordinator can be asked, in the words of the domain.
