//! Lambda: how quickly functions start, how little they add to an event, and how large they are.

mod runtime; // what Lambda is to a function
pub(crate) mod size; // programs, archives and memory
pub(crate) mod start; // from the process to its first answer
