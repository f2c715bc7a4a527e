//! AWS's library, S3's and ours on the same connections. AWS's own client would read the system's root certificates at
//! every start, and knows no way to be given ours.

use super::{CONNECT, SILENCE};
use crate::http;
use anyhow::{Context as _, Result};
use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use axum::http::{Request, Response};
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest as FileRequest, HttpResponse as FileResponse, HttpResponseBody,
    HttpService,
};
use reqwest::{Body, Client};

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
        Ok(HttpClient::new(Self(self.0.clone())))
    }
}

/// As S3's library would do it by itself, if that did not bring HTTP/2 along, which nobody here speaks.
#[async_trait]
impl HttpService for Connections {
    async fn call(&self, request: FileRequest) -> Result<FileResponse, HttpError> {
        let request = request.map(Body::wrap).try_into().map_err(of_file)?;
        let answer: Response<Body> = self.0.execute(request).await.map_err(of_file)?.into();
        Ok(answer.map(|body| HttpResponseBody::new(body.map_err(of_file))))
    }
}

/// What may pass is tried again by S3's library, as far as doing it twice does no harm.
fn of_file(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else if error.is_decode() || error.is_builder() {
        HttpErrorKind::Decode
    } else {
        HttpErrorKind::Interrupted
    };
    HttpError::new(kind, error.without_url())
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
