//! Whole journeys on the practice cloud in virtual time: real clients, real
//! SSH, a real repository, no socket and no waiting.

mod crash;
mod golden;
mod money;
mod races;
mod repository;
mod restores;
mod stage;
