//! The layer on SQLite; the scenarios run the same store on PostgreSQL.

use super::{Database, DatabaseError, Engine, Migration, Owner, Value, migrate};

const OWNER: Owner = Owner {
    name: "sample",
    migrations: &[Migration {
        number: 1,
        name: "first",
        sql: "CREATE TABLE sample (id {int} PRIMARY KEY, name TEXT, body {bytes}){strict};",
    }],
};

async fn open() -> (tempfile::TempDir, Database) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open_sqlite(&folder.path().join("test.db"))
        .await
        .expect("opens");
    migrate(&database, OWNER).await.expect("migrates");
    (folder, database)
}

#[tokio::test]
async fn values_come_back_as_they_were_stored() {
    let (_folder, database) = open().await;
    let mut tx = database.begin_write().await.expect("begins");
    tx.execute_one(
        "INSERT INTO sample (id, name, body) VALUES ($1, $2, $3)",
        &[i64::MAX.into(), Value::Null, vec![0, 255].into()],
    )
    .await
    .expect("inserts");
    let row = tx
        .one_row("SELECT id, name, body FROM sample", &[])
        .await
        .expect("one row");
    assert_eq!(row.int("id").expect("id"), i64::MAX);
    assert_eq!(row.optional_text("name").expect("name"), None);
    assert_eq!(row.bytes("body").expect("body"), &[0, 255]);
    assert!(matches!(
        row.text("body"),
        Err(DatabaseError::CorruptRow { column: "body", .. })
    ));
    assert!(matches!(
        row.text("name"),
        Err(DatabaseError::CorruptRow { column: "name", .. })
    ));
}

#[tokio::test]
async fn a_transaction_dropped_without_commit_leaves_nothing() {
    let (_folder, database) = open().await;
    let mut tx = database.begin_write().await.expect("begins");
    tx.execute_one("INSERT INTO sample (id) VALUES (1)", &[])
        .await
        .expect("inserts");
    drop(tx);
    let mut tx = database.begin_read().await.expect("begins");
    assert!(
        tx.rows("SELECT id FROM sample", &[])
            .await
            .expect("reads")
            .is_empty()
    );
}

#[tokio::test]
async fn a_reading_transaction_cannot_write() {
    let (_folder, database) = open().await;
    let mut tx = database.begin_read().await.expect("begins");
    tx.execute("INSERT INTO sample (id) VALUES (1)", &[])
        .await
        .expect_err("is read-only");
}

#[tokio::test]
async fn a_second_row_under_a_unique_key_is_told_apart() {
    let (_folder, database) = open().await;
    let mut tx = database.begin_write().await.expect("begins");
    tx.execute_one("INSERT INTO sample (id) VALUES (1)", &[])
        .await
        .expect("inserts");
    let error = tx
        .execute("INSERT INTO sample (id) VALUES (1)", &[])
        .await
        .expect_err("refuses");
    assert!(error.is_unique_violation());
    let error = tx
        .execute_one("UPDATE sample SET name = 'x' WHERE id = 2", &[])
        .await
        .expect_err("finds no row");
    assert!(matches!(
        error,
        DatabaseError::RowsAffected {
            expected: 1,
            actual: 0,
            ..
        }
    ));
}

#[tokio::test]
async fn lists_of_bytes_are_unpacked_by_the_engine() {
    let (_folder, database) = open().await;
    let mut tx = database.begin_write().await.expect("begins");
    for (id, body) in [(1_i64, [1_u8, 2]), (2, [3, 4]), (3, [5, 6])] {
        tx.execute_one(
            "INSERT INTO sample (id, body) VALUES ($1, $2)",
            &[id.into(), body.into()],
        )
        .await
        .expect("inserts");
    }
    let rows = tx
        .rows(
            "SELECT id FROM sample WHERE body IN (SELECT unhex(value) FROM json_each($1)) ORDER BY id",
            &[Value::bytes_list([[1_u8, 2], [5, 6], [9, 9]])],
        )
        .await
        .expect("reads");
    let ids: Vec<_> = rows.iter().map(|row| row.int("id").expect("id")).collect();
    assert_eq!(ids, [1, 3]);
}

#[tokio::test]
async fn migrations_run_once_and_refuse_a_changed_or_unknown_one() {
    const CHANGED: Owner = Owner {
        name: "sample",
        migrations: &[Migration {
            number: 1,
            name: "first",
            sql: "CREATE TABLE other (id {int});",
        }],
    };
    const OLDER: Owner = Owner {
        name: "sample",
        migrations: &[],
    };
    let (_folder, database) = open().await;
    migrate(&database, OWNER)
        .await
        .expect("a second time does nothing");
    assert!(matches!(
        migrate(&database, CHANGED).await,
        Err(DatabaseError::MigrationChanged { number: 1, .. })
    ));
    assert!(matches!(
        migrate(&database, OLDER).await,
        Err(DatabaseError::MigrationUnknown { number: 1, .. })
    ));
}

#[test]
fn sections_for_one_engine_are_left_out_on_the_other() {
    let sql = "a {int}{strict};\n-- only postgres:\nb;\n-- end only\nc;\n";
    assert_eq!(
        super::migrate::translate(sql, Engine::Sqlite),
        "a INTEGER STRICT;\nc;\n"
    );
    assert_eq!(
        super::migrate::translate(sql, Engine::Postgres),
        "a BIGINT;\nb;\nc;\n"
    );
}

#[tokio::test]
async fn an_url_of_another_kind_is_refused() {
    assert!(matches!(
        Database::open("mysql://x").await,
        Err(DatabaseError::Url)
    ));
    assert!(matches!(
        Database::open("sqlite://").await,
        Err(DatabaseError::Url)
    ));
}
