//! A table that takes longer for everything.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::Client;
use aws_smithy_runtime_api::client::http::{
    HttpClient as _, HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use std::time::Instant;

/// A client of the same table whose every request takes so many times as long.
pub(crate) fn slower(client: &Client, times: u32) -> Result<Client> {
    let inner = client.config().http_client().context("the client has a connector")?;
    let slow = http_client_fn(move |settings, components| {
        let inner = inner.http_connector(settings, components);
        SharedHttpConnector::new(Slow { inner, times })
    });
    Ok(Client::from_conf(client.config().to_builder().http_client(slow).build()))
}

#[derive(Debug)]
struct Slow {
    inner: SharedHttpConnector,
    times: u32,
}

impl HttpConnector for Slow {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (inner, times) = (self.inner.clone(), self.times);
        HttpConnectorFuture::new(async move {
            let began = Instant::now();
            let answer = inner.call(request).await;
            tokio::time::sleep(began.elapsed() * (times - 1)).await;
            answer
        })
    }
}
