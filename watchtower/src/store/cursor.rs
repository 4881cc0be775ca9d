//! How far each consumer of the event log has come.

use super::database::{DatabaseError, Transaction, Value};

/// The number of the last event a consumer has taken in; 0 before the first.
///
/// # Errors
///
/// On a failed statement or a corrupt row.
pub async fn cursor(tx: &mut Transaction, consumer: &str) -> Result<u64, DatabaseError> {
    tx.optional_row(
        "SELECT number FROM consumer_cursor WHERE consumer = $1",
        &[consumer.into()],
    )
    .await?
    .map_or(Ok(0), |row| row.u64("number"))
}

/// Moves a consumer on, in the transaction that took the events in. It never moves back.
///
/// # Errors
///
/// [`DatabaseError::RowsAffected`] if the consumer is further already: another one took them in.
pub async fn advance(
    tx: &mut Transaction,
    consumer: &str,
    number: u64,
) -> Result<(), DatabaseError> {
    tx.execute_one(
        "INSERT INTO consumer_cursor (consumer, number) VALUES ($1, $2)
         ON CONFLICT (consumer) DO UPDATE SET number = excluded.number
         WHERE consumer_cursor.number < excluded.number",
        &[consumer.into(), Value::from_u64(number)?],
    )
    .await
}
