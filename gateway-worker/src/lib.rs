//! Guildhall's connection to Discord's gateway: it reads messages and mentions, and makes jobs of those that are questions.

pub mod burst; // several messages of one person are one question
pub mod decide; // whether a message is a question, and which words of it
pub mod frame; // from a raw frame to the few fields that decide
pub mod gate; // casual talk that smart mode need not ask the model about
pub mod guilds; // what is known of each server
pub mod judge; // one session's judgement, which ties these together: read this first
pub mod pace; // how often people may ask
pub mod recent; // questions whose changes still matter
