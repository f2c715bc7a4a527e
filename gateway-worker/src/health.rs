//! Whether this worker is well, and what it counts: for load balancers, Prometheus and people.

use crate::metrics::Metrics;
use crate::tenure::Tenure;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;
use tokio::time::Instant;

/// What is told.
#[derive(Debug, Clone)]
pub struct Health {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the worker may act for its sessions.
    pub tenure: Tenure,
}

/// `GET /healthz`: 200 while the worker may act, 503 while it is fenced; `GET /metrics`.
pub fn router(health: Health) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/metrics", get(metrics)).with_state(health)
}

async fn healthz(State(health): State<Health>) -> (StatusCode, &'static str) {
    match health.tenure.permit(Instant::now()) {
        Some(_) => (StatusCode::OK, "ok"),
        None => (StatusCode::SERVICE_UNAVAILABLE, "the table does not take this worker's signs of life"),
    }
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    // The version that Prometheus asks for by itself. [OpenMetrics 1.0: Overall Structure]
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], health.metrics.to_text())
}
