//! Logs: sentences for people in a terminal, JSON for machines. They carry ids and durations, never what people wrote.

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// What is logged unless `RUST_LOG` says otherwise: our own sentences, and only warnings of the parts below us.
const DIRECTIVES: &str = "warn,guildhall=info,standalone=info,functions=info,gateway_worker=info";

/// What no setting can switch on: below warnings these write whole requests, with what people asked. And the first calls it
/// an error that the embedded table has no connection to close; what fails we say ourselves.
const SILENT: [&str; 3] = ["aws_smithy_runtime=off", "aws_smithy_runtime_api=warn", "aws_sdk_dynamodb=warn"];

/// Logs to standard error: text where a person looks at it, JSON otherwise.
pub fn init() {
    let filter = crate::config::log_filter().and_then(|text| EnvFilter::try_new(text).ok());
    let filter = filter.unwrap_or_else(|| EnvFilter::new(DIRECTIVES));
    let filter = SILENT
        .iter()
        .fold(filter, |filter, directive| filter.add_directive(directive.parse().expect("a fixed directive parses")));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second initialisation, as in tests, keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).with_target(false).try_init()
    };
}
