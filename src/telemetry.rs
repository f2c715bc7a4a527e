//! Logs: sentences for people in a terminal, JSON for machines. They carry ids and durations, never what people wrote.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise: our own sentences, and only warnings of the parts below us. AWS's
/// client calls it an error that the embedded table has no connection to close; what fails we say ourselves.
const DIRECTIVES: &str =
    "warn,guildhall=info,standalone=info,functions=info,gateway_worker=info,aws_smithy_runtime=off";

/// Logs to standard error: text where a person looks at it, JSON otherwise.
pub fn init() {
    let filter = crate::config::log_filter().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(DIRECTIVES));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second initialisation, as in tests, keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).with_target(false).try_init()
    };
}
