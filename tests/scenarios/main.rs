//! Whole journeys on the practice cloud in virtual time: real clients, real
//! SSH, a real repository, no socket and no waiting.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

mod bad_input;
mod crash;
mod golden;
mod guard;
mod money;
mod races;
mod repository;
mod restores;
mod stage;
