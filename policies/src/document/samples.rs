//! Documents that tests share.
