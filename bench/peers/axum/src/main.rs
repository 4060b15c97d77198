//! The `media` route as a server of axum, tokio and ed25519-dalek does it: the same request, the same signed bytes, the
//! same answer, in one process. `media-axum ADDR:PORT`; prints "ready" once it listens.
//!
//! Layout and types are those of the Nautilus template: one state with the key behind an Arc, `Json` in and out, the
//! intent message in BCS, the signature in hex, any origin allowed.
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
    Json, Router,
};
use ed25519_dalek::{Signer, SigningKey};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::SystemTime};
use tower_http::cors::{Any, CorsLayer};

struct AppState {
    key: SigningKey,
}

#[derive(Deserialize)]
struct Request<T> {
    payload: T,
}

#[derive(Deserialize)]
struct MediaRequest {
    media_hash: String,
    metadata: String,
}

#[derive(Serialize)]
struct MediaResponse {
    media_hash: Vec<u8>,
    metadata: String,
}

#[derive(Serialize)]
struct IntentMessage<T> {
    intent: u8,
    timestamp_ms: u64,
    data: T,
}

#[derive(Serialize)]
struct SignedResponse<T> {
    response: IntentMessage<T>,
    signature: String,
}

struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(serde_json::json!({ "error": self.1 }))).into_response()
    }
}

fn sign<T: Serialize>(key: &SigningKey, intent: u8, timestamp_ms: u64, data: T) -> Result<SignedResponse<T>, Failure> {
    let response = IntentMessage { intent, timestamp_ms, data };
    let bytes = bcs::to_bytes(&response).map_err(|e| Failure(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    let signature = hex::encode(key.sign(&bytes).to_bytes());
    Ok(SignedResponse { response, signature })
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

async fn process_data(
    State(state): State<Arc<AppState>>,
    Json(request): Json<Request<MediaRequest>>,
) -> Result<Json<SignedResponse<MediaResponse>>, Failure> {
    let MediaRequest { media_hash, metadata } = request.payload;
    let media_hash =
        hex::decode(media_hash).map_err(|e| Failure(StatusCode::BAD_REQUEST, format!("payload.media_hash: {e}")))?;
    if media_hash.len() != 32 {
        return Err(Failure(StatusCode::BAD_REQUEST, format!("payload.media_hash: {} bytes, not 32", media_hash.len())));
    }
    Ok(Json(sign(&state.key, 0, now_ms(), MediaResponse { media_hash, metadata })?))
}

async fn health_check(State(state): State<Arc<AppState>>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "pk": hex::encode(state.key.verifying_key().as_bytes()) }))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".into());
    let state = Arc::new(AppState { key: SigningKey::generate(&mut rand_core::OsRng) });
    let app = Router::new()
        .route("/", get(|| async { "Pong!" }))
        .route("/health_check", get(health_check))
        .route("/process_data", post(process_data))
        .with_state(state)
        .layer(CorsLayer::new().allow_methods(Any).allow_headers(Any).allow_origin(Any));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("ready");
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}
