//! Tests of intents.
