//! What every verb that works on this machine opens first: the configuration, then the database.
//!
//! Invariant: what a person can mend in a file or on the command line is said as such, before anything is made.

use std::fs;
use std::path::{Path, PathBuf};

use watchtower::store::database::{Database, DatabaseError};

use super::CliError;
use crate::configuration::{ConfigError, CoordinatorConfig};
use crate::store;

/// Reads and checks a configuration file.
///
/// # Errors
/// [`CliError::File`] where it cannot be read; [`CliError::Configuration`] for what is wrong in it.
pub(super) fn read(path: &Path) -> Result<CoordinatorConfig, CliError> {
    let bytes = fs::read(path).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(path, ConfigError::NotText))?;
    CoordinatorConfig::parse(&text).map_err(|error| wrong(path, error))
}

/// What is wrong with a configuration file.
pub(super) fn wrong(path: &Path, source: impl Into<ConfigError>) -> CliError {
    CliError::Configuration {
        path: path.to_owned(),
        source: Box::new(source.into()),
    }
}

/// Opens a database by its URL.
///
/// # Errors
/// [`CliError::NoFolder`] where an SQLite file would lie in no folder, else as [`from_database`].
pub(super) async fn open(url: &str) -> Result<Database, CliError> {
    if let Some(file) = url.strip_prefix("sqlite://") {
        expect_folder(Path::new(file))?;
    }
    Database::open(url).await.map_err(from_database)
}

/// Opens a database and brings its tables up to this version.
///
/// # Errors
/// As [`open`].
pub(super) async fn migrated(
    config: &CoordinatorConfig,
    url: Option<&str>,
) -> Result<Database, CliError> {
    let database = open(url.unwrap_or(&config.database)).await?;
    store::migrate(&database).await.map_err(from_database)?;
    Ok(database)
}

/// Refuses a file that would lie in a folder which is not there.
///
/// # Errors
/// [`CliError::NoFolder`].
pub(super) fn expect_folder(file: &Path) -> Result<(), CliError> {
    let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
    match file.parent().filter(missing) {
        None => Ok(()),
        Some(folder) => Err(CliError::NoFolder {
            folder: folder.to_owned(),
            file: PathBuf::from(file.file_name().unwrap_or_default()),
        }),
    }
}

/// What the database says, as an error of the command line.
#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
pub(super) fn from_database(error: DatabaseError) -> CliError {
    let reason = error.to_string();
    match error {
        DatabaseError::Url => CliError::DatabaseUrl,
        DatabaseError::Connect(_) => CliError::DatabaseUnavailable { reason },
        DatabaseError::Statement { .. }
        | DatabaseError::Commit(_)
        | DatabaseError::RowsAffected { .. }
        | DatabaseError::NotOneRow { .. }
        | DatabaseError::CorruptRow { .. }
        | DatabaseError::TooLarge(_)
        | DatabaseError::MigrationChanged { .. }
        | DatabaseError::MigrationUnknown { .. }
        | DatabaseError::MigrationOrder { .. }
        | DatabaseError::Migration { .. } => CliError::Failed {
            part: "the database".to_owned(),
            reason,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::EXAMPLE;

    fn told(error: &CliError) -> (&str, u8, &str) {
        (
            error.code(),
            error.exit_status(),
            error.hint().unwrap_or_default(),
        )
    }

    #[test]
    fn a_configuration_that_is_none_is_told_with_what_shows_every_field() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("coordinator.toml");
        for (bytes, says) in [
            (
                format!("colour = \"red\"\n{EXAMPLE}").into_bytes(),
                "unknown field `colour`",
            ),
            (vec![0xff, 0xfe], "not text in UTF-8"),
            (Vec::new(), "missing field"),
            (
                EXAMPLE
                    .replacen("interval_ms = 250", "interval_ms = 0", 1)
                    .into_bytes(),
                "poll_interval_ms must be at least 1",
            ),
        ] {
            fs::write(&file, bytes).expect("written");
            let error = read(&file).expect_err("is refused");
            assert!(error.to_string().contains(says), "{says}: {error}");
            assert_eq!(
                told(&error),
                (
                    "configuration",
                    2,
                    "`countersign-coordinator config example` shows every field"
                )
            );
        }
        let nowhere = read(&folder.path().join("none.toml")).expect_err("is not there");
        assert_eq!((nowhere.code(), nowhere.exit_status()), ("file", 2));
    }

    #[tokio::test]
    async fn a_database_in_no_folder_and_one_of_no_kind_are_mistakes_of_the_configuration() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let url = format!("sqlite://{}/c.db", missing.display());
        let error = open(&url).await.expect_err("there is no folder");
        assert_eq!(
            told(&error),
            (
                "no_folder",
                2,
                "make the folder first, or name a file elsewhere"
            )
        );
        assert!(error.to_string().contains("missing"), "{error}");
        assert!(!missing.exists(), "nothing is made");
        let error = open("mysql://treasury").await.expect_err("is no kind");
        assert_eq!((error.code(), error.exit_status()), ("database_url", 2));
        let file = folder.path().join("a-folder");
        fs::create_dir(&file).expect("made");
        let url = format!("sqlite://{}", file.display());
        let error = open(&url).await.expect_err("a folder is no file");
        assert_eq!(
            (error.code(), error.exit_status()),
            ("database_unavailable", 3)
        );
    }
}
