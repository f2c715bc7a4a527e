//! AWS's library, S3's and ours on the same connections. AWS's own client would read the system's root certificates at
//! every start, and knows no way to be given ours.

use super::{CONNECT, SILENCE};
use crate::http;
use anyhow::{Context as _, Result};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::http::{Request, Response};
use object_store::ClientOptions;
use object_store::client::HttpClient;
use reqwest::Client;

/// One client for everything of AWS. How long a request may take is said by whoever makes it.
pub(super) fn client() -> Result<Client> {
    let client = http::client_builder()
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        // The table's checksums are of what was sent, not of what it is unpacked to.
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .redirect(reqwest::redirect::Policy::none());
    client.build().context("the client for AWS")
}

/// As AWS's library takes it.
pub(super) fn for_sdk(client: Client) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connections(client));
    http_client_fn(move |_, _| connector.clone())
}

#[derive(Debug)]
pub(super) struct Connections(pub(super) Client);

impl HttpConnector for Connections {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move { send(&client, request).await })
    }
}

impl object_store::client::HttpConnector for Connections {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// Requests and answers are small here: both are whole in memory.
async fn send(client: &Client, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let (head, body) = request.into_parts();
    let body = body.bytes().ok_or_else(|| ConnectorError::user("a body of unknown length".into()))?.to_vec();
    let request = Request::from_parts(head, body).try_into().map_err(of_reqwest)?;
    let answer = client.execute(request).await.map_err(of_reqwest)?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.bytes().await.map_err(of_reqwest)?;
    let mut answer = Response::new(SdkBody::from(body));
    (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
    answer.try_into().map_err(|error: aws_smithy_runtime_api::http::HttpError| ConnectorError::io(error.into()))
}

/// What may pass is tried again by AWS's library. An address is no secret, but of no use in its error.
fn of_reqwest(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    if error.is_timeout() {
        ConnectorError::timeout(error.into())
    } else if error.is_builder() {
        ConnectorError::user(error.into())
    } else {
        ConnectorError::io(error.into())
    }
}
