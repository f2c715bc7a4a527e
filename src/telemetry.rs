//! Logs: sentences for people in a terminal, JSON for machines. They carry ids and durations, never what people wrote.

use std::io::IsTerminal as _;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Whose sentences are logged unless `RUST_LOG` says otherwise: our own, and only warnings of the parts below us.
const OURS: [&str; 4] = ["guildhall", "standalone", "functions", "gateway_worker"];

/// What no setting can switch on: below warnings these write whole requests, with what people asked. And the first calls it
/// an error that the embedded table has no connection to close; what fails we say ourselves.
const SILENT: [(&str, LevelFilter); 3] = [
    ("aws_smithy_runtime", LevelFilter::OFF),
    ("aws_smithy_runtime_api", LevelFilter::WARN),
    ("aws_sdk_dynamodb", LevelFilter::WARN),
];

/// Logs to standard error: text where a person looks at it, JSON otherwise.
pub fn init() {
    // By target and level alone. What could also tell spans and fields apart would compile its expressions at every start.
    let chosen = crate::config::log_filter().and_then(|text| text.parse().ok());
    let chosen = chosen
        .unwrap_or_else(|| Targets::new().with_default(Level::WARN).with_targets(OURS.map(|ours| (ours, Level::INFO))));
    let logs = tracing_subscriber::registry().with(chosen.with_targets(SILENT));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second initialisation, as in tests, keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        logs.with(lines).try_init()
    } else {
        logs.with(lines.json().flatten_event(true)).try_init()
    };
}
