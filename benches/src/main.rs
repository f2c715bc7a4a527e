//! `bench [SECTION]…`: how fast and how large Guildhall is and how well it finds, each figure beside a floor that was
//! measured in the same run. Without a section it measures everything, which takes a few minutes.

mod answers; // from a signed POST to the edited reply, and the real binary's memory
mod bare; // a server that does nothing but the exchange: the floor of `answers`
mod budget; // Discord's requests a second, shared by several workers
mod corpus; // passages and questions from a seed
mod fusion; // whether words and vectors together find better than either alone
mod gateway; // Discord's gateway: decisions, the real binary under a flood, waiting, memory
mod indexing; // documents to an index
mod interaction; // a signed interaction to a queued question
mod lambda; // the functions on AWS: start, size, calls, time, dollars, bursts, memory
mod measure; // CPU time, medians, tables
mod pages; // what the pages take, and ask of the table
mod quality; // whether the right passages are found
mod retrieval; // a question to its passages

use anyhow::{Result, bail};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Those of the gateway are one section each, because together they take some minutes.
const SECTIONS: [&str; 20] = [
    "quality",
    "fusion",
    "interaction",
    "retrieval",
    "indexing",
    "answers",
    "memory",
    "budget",
    "pages",
    "gateway-judging",
    "gateway-dropped",
    "gateway-waiting",
    "gateway-sessions",
    "gateway-memory",
    "lambda-answers",
    "lambda-idle",
    "lambda-burst",
    "lambda-memory",
    "lambda-start",
    "lambda-size",
];

#[tokio::main]
async fn main() -> Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, addresses @ ..] = &chosen[..]
        && mode == bare::MODE
    {
        return bare::serve(addresses).await;
    }
    if chosen == [fusion::MODE] {
        return fusion::write_vectors().await;
    }
    if let Some(unknown) = chosen.iter().find(|name| !SECTIONS.contains(&name.as_str())) {
        bail!("there is no section {unknown}; there are {}", SECTIONS.join(", "));
    }
    for section in SECTIONS {
        if !chosen.is_empty() && !chosen.iter().any(|name| name == section) {
            continue;
        }
        match section {
            "quality" => quality::run().await?,
            "fusion" => fusion::run().await?,
            "interaction" => interaction::run().await?,
            "retrieval" => tokio::task::block_in_place(retrieval::run)?,
            "indexing" => tokio::task::block_in_place(indexing::run)?,
            "answers" => answers::run().await?,
            "memory" => answers::memory().await?,
            "budget" => budget::run().await?,
            "pages" => Box::pin(pages::run()).await?,
            "gateway-judging" => tokio::task::block_in_place(gateway::judging::run)?,
            "gateway-dropped" => gateway::flood::dropped().await?,
            "gateway-waiting" => gateway::waiting::run().await?,
            "gateway-sessions" => gateway::sessions::run().await?,
            "gateway-memory" => Box::pin(gateway::flood::memory()).await?,
            "lambda-answers" => Box::pin(lambda::answers::run()).await?,
            "lambda-idle" => lambda::prices::run()?,
            "lambda-burst" => Box::pin(lambda::burst::run()).await?,
            "lambda-memory" => Box::pin(lambda::burst::memory()).await?,
            "lambda-start" => lambda::start::run().await?,
            _ => lambda::size::run().await?,
        }
    }
    Ok(())
}
