//! Guildhall on one machine.
