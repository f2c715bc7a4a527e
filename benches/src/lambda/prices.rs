//! List prices of us-east-1 in dollars, without free tiers unless their name says so, and what an idle month costs.

use crate::measure::{self, Row};
use anyhow::Result;

/// Lambda, `x86_64`: a gigabyte for a second, and an invocation.
pub(super) const GB_SECOND: f64 = 0.000_016_666_7;
pub(super) const INVOCATION: f64 = 0.20e-6;
/// API Gateway, HTTP API: a request.
pub(super) const API_REQUEST: f64 = 1.00e-6;
/// SQS: a request of a FIFO queue, and of a standard queue.
pub(super) const FIFO_REQUEST: f64 = 0.50e-6;
const STANDARD_REQUEST: f64 = 0.40e-6;
/// DynamoDB on demand: a unit.
pub(super) const WRITE_UNIT: f64 = 0.625e-6;
pub(super) const READ_UNIT: f64 = 0.125e-6;
/// `CloudWatch`: a gigabyte of logs.
pub(super) const LOG_GB: f64 = 0.50;

const HOURS: f64 = 730.0;
/// KMS: a key, each month, where one is wanted.
const KEY: f64 = 1.00;
/// Secrets Manager: a secret, each month.
const SECRET: f64 = 0.40;
/// `CloudWatch`: an alarm, each month. Ten are free in an account, and three dashboards.
const ALARM: f64 = 0.10;
const FREE_ALARMS: f64 = 10.0;
/// A public IPv4 address, each hour.
const ADDRESS_HOUR: f64 = 0.005;
/// Fargate: a processor and a gigabyte for an hour.
const FARGATE: (f64, f64) = (0.040_48, 0.004_445);
const FARGATE_ARM: (f64, f64) = (0.032_38, 0.003_56);
/// Fargate Spot costs about 30 % of Fargate.
const SPOT: f64 = 0.3;

/// Requests each month that Lambda makes for a queue with nothing in it: five receives wait at a time, twenty seconds each.
const RECEIVES: f64 = 5.0 * 3.0 * 60.0 * HOURS;
/// SQS: a million requests a month are free, for ever.
const FREE_REQUESTS: f64 = 1e6;

/// What a lone gateway worker asks of the table, each second: a sign of life every 0.7 s, three queries of sessions every 0.9 s
/// and two of settings every 2 s, each a unit of a consistent read (gateway-worker/src/worker.rs and changes.rs). Of several
/// workers each looks at sessions every 0.3 s.
const SIGNS_OF_LIFE: f64 = 1.0 / 0.7;
const LOOKS: f64 = 3.0 / 0.9 + 1.0;
const LOOKS_OF_SEVERAL: f64 = 3.0 / 0.3 + 1.0;

/// Alarms of infra/monitoring.yaml without those of the gateway.
const ALARMS: f64 = 19.0;

/// What stands in the template and costs something when nothing happens.
pub(crate) fn run() -> Result<()> {
    let two_fifo_queues = 2.0 * RECEIVES * FIFO_REQUEST;
    let polling = (two_fifo_queues + RECEIVES * STANDARD_REQUEST) * (1.0 - FREE_REQUESTS / (3.0 * RECEIVES));
    let schedule = 8_640.0 * (INVOCATION + 0.25 * 0.5 * GB_SECOND);
    let (table, logs) = (0.02, 0.03);
    let plain = SECRET + polling + schedule + table + logs;
    let alarms = (ALARMS - FREE_ALARMS) * ALARM;
    let fargate = |(cpu, gb): (f64, f64)| HOURS * (0.25 * cpu + 0.5 * gb);
    let month = HOURS * 3_600.0;
    let lives = SIGNS_OF_LIFE * month * WRITE_UNIT;
    let looks = LOOKS * month * READ_UNIT;
    let beside = HOURS * ADDRESS_HOUR + lives + looks;
    let with = |prices, share: f64| plain + fargate(prices) * share + beside;
    let second = fargate(FARGATE) + HOURS * ADDRESS_HOUR + lives + (2.0 * LOOKS_OF_SEVERAL - LOOKS) * month * READ_UNIT;
    let row = |what: &str, dollars: f64| Row::plain(what, format!("{dollars:.2}"));
    let rows = [
        row("a secret", SECRET),
        row("Lambda waits at three queues, a million requests free", polling),
        row("`proactive` every five minutes, 256 MB, half a second", schedule),
        row("table, bucket and logs with a few megabytes", table + logs),
        row("sum without the gateway", plain).aiming("≤ 1", plain <= 1.0),
        row("… and where KMS seals tokens, a key", KEY),
        row("alarms, where they are wanted, ten of an account free", alarms),
        row("gateway: Fargate, 0.25 vCPU and 0.5 GB", fargate(FARGATE)),
        row("gateway: its address", HOURS * ADDRESS_HOUR),
        row("gateway: signs of life in the table", lives),
        row("gateway: looking after sessions, alone", looks),
        row("sum with the gateway", with(FARGATE, 1.0)).aiming("≤ 13", with(FARGATE, 1.0) <= 13.0),
        row("… on arm64", with(FARGATE_ARM, 1.0)).aiming("≤ 13", with(FARGATE_ARM, 1.0) <= 13.0),
        row("… on Fargate Spot", with(FARGATE, SPOT)).aiming("≤ 13", with(FARGATE, SPOT) <= 13.0),
        row("… on arm64 and Fargate Spot", with(FARGATE_ARM, SPOT)).aiming("≤ 13", with(FARGATE_ARM, SPOT) <= 13.0),
        row("a second worker, which both pay for by looking more often", second),
    ];
    measure::print("lambda-idle: dollars each month while nobody asks, us-east-1, computed", &rows)
}
