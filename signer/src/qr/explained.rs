//! What errors of frames, pictures and streams tell people and programs.

use super::SourceError;
use crate::failure::{Class, Explained};
use policies::carrier::CarrierError;
use policies::psbt::PsbtRefusal;

impl Explained for CarrierError {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn hint(&self) -> String {
        Self::hint(self).to_owned()
    }
}

impl Explained for PsbtRefusal {
    fn class(&self) -> Class {
        Class::Refused
    }

    fn code(&self) -> &'static str {
        Self::code(self)
    }

    fn hint(&self) -> String {
        "name the transfer as the coordinator gave it".to_owned()
    }
}

impl Explained for SourceError {
    fn class(&self) -> Class {
        match self {
            Self::Io(_) => Class::Device,
            Self::Picture(_) | Self::NeitherPictureNorLines => Class::Refused,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "UNREADABLE",
            Self::Picture(_) | Self::NeitherPictureNorLines => "NOT_A_PICTURE",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Io(_) => "see that it is there and whole, and that this user may read it",
            Self::Picture(_) | Self::NeitherPictureNorLines => {
                "give PNG, JPEG, PGM or PPM pictures, or the texts of codes, one a line"
            }
        }
        .to_owned()
    }
}
