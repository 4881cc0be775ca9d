//! Every mistake of a document.
