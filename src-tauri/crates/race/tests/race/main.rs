//! The race against its rules: one named test per rule, and properties over
//! arbitrary interleavings.

mod alone;
mod properties;
mod rules;
mod table;
