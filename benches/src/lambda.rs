//! Guildhall's functions on AWS: how quickly they start, how large they are, what an answer asks of AWS and costs, and what a
//! burst of questions does to them.

pub(crate) mod answers; // calls, time and dollars of an answer
pub(crate) mod aws; // AWS on loopback, which counts what it is asked for
pub(crate) mod burst; // ten thousand questions at once
mod function; // a function's process under Lambda's runtime API
pub(crate) mod prices; // what AWS asks for, and what an idle month costs
mod relay; // a server that takes as long as the real one
mod runtime; // what Lambda is to a function
pub(crate) mod size; // programs, archives and memory
pub(crate) mod start; // from the process to its first answer
mod world; // all of it together
