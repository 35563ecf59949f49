//! Spans to a collector, by OpenTelemetry's protocol.

use std::env;
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry::{Context, Value};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider, Span, SpanData, SpanProcessor};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::collector::Sender;
use super::ids::JobIdGenerator;

/// How long a collector may take to answer, unless the environment says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What the instrumentation calls itself.
const SCOPE: &str = "workflow-runtime";

/// Sends spans to a collector: those of jobs, and whatever else the program says by `tracing`.
///
/// Keep it as long as the program runs, and [`shutdown`](Self::shutdown) at its end, after that of the runtime: what is
/// not sent is sent then.
///
/// ```no_run
/// use std::time::Duration;
/// use workflow_runtime::prelude::*;
/// use workflow_runtime::telemetry::Otlp;
///
/// #[tokio::main]
/// async fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let otlp = Otlp::from_env()?;
///     otlp.install()?;
///     let runtime = Runtime::open("jobs.db").await?;
///     // …
///     runtime.shutdown(Duration::from_secs(10)).await;
///     otlp.shutdown(Duration::from_secs(5));
///     Ok(())
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is sent until a layer of it is installed"]
pub struct Otlp {
    /// None if the environment says that nothing is to be sent.
    provider: Option<SdkTracerProvider>,
}

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// A variable of the environment asks for what there is not.
    #[error(
        "the environment's `{variable}` is `{value}`: only `http/protobuf` is spoken; unset it, or set it to that"
    )]
    Protocol {
        /// Which one.
        variable: &'static str,
        /// What it says.
        value: String,
    },
    /// The exporter cannot be made.
    #[error("spans cannot be sent; look at the environment's OTEL_EXPORTER_OTLP_… variables: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Another subscriber is the program's already.
    #[error("the program has a `tracing` subscriber already; add `Otlp::layer` to that one instead: {0}")]
    Installed(#[from] tracing_subscriber::util::TryInitError),
}

/// Of the variables that are set, the first.
fn said(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty()).map(|value| (name, value));
    names.into_iter().find_map(set)
}

impl Otlp {
    /// As OpenTelemetry's variables of the environment say: `OTEL_EXPORTER_OTLP_ENDPOINT` (`http://localhost:4318`
    /// otherwise) and the like.
    ///
    /// # Errors
    /// When they ask for what there is not, or name no address.
    pub fn from_env() -> Result<Self, OtlpError> {
        if env::var("OTEL_SDK_DISABLED").is_ok_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(Self { provider: None });
        }
        let protocol = said(["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
        if let Some((variable, value)) = protocol.filter(|(_, value)| value != "http/protobuf") {
            return Err(OtlpError::Protocol { variable, value });
        }
        let timeout = said(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
            .and_then(|(_, millis)| millis.parse().ok())
            .map_or(TIMEOUT, Duration::from_millis);
        let exporter = SpanExporter::builder().with_http().with_http_client(Sender::new(timeout)).build()?;
        let mut resource = Resource::builder();
        if env::var_os("OTEL_SERVICE_NAME").is_none()
            && !env::var("OTEL_RESOURCE_ATTRIBUTES").is_ok_and(|all| all.contains("service.name="))
            && let Some(name) = own_name()
        {
            resource = resource.with_service_name(name);
        }
        let provider = SdkTracerProvider::builder()
            .with_id_generator(JobIdGenerator::default())
            .with_resource(resource.build())
            .with_span_processor(Finished(BatchSpanProcessor::builder(exporter).build()))
            .build();
        Ok(Self { provider: Some(provider) })
    }

    /// A layer for the program's own subscriber: what is said by `tracing` below the filters that it has is sent.
    pub fn layer<S>(&self) -> Option<impl Layer<S> + Send + Sync + use<S>>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        let provider = self.provider.as_ref()?;
        Some(tracing_opentelemetry::layer().with_tracer(provider.tracer(SCOPE)).with_threads(false))
    }

    /// Makes a subscriber of the [layer](Self::layer) alone that of the whole program.
    ///
    /// # Errors
    /// When there is one already.
    pub fn install(&self) -> Result<(), OtlpError> {
        tracing_subscriber::registry().with(self.layer()).try_init()?;
        Ok(())
    }

    /// Sends what has not been sent; says whether that could be done. A collector that does not answer holds up for as long
    /// as its timeout.
    pub fn flush(&self) -> bool {
        self.provider.as_ref().is_none_or(|provider| provider.force_flush().is_ok())
    }

    /// Sends what has not been sent, and nothing more after that; says whether that could be done within this time.
    pub fn shutdown(self, within: Duration) -> bool {
        let provider = self.provider.as_ref();
        provider.is_none_or(|provider| provider.shutdown_with_timeout(within).is_ok())
    }
}

/// What the program is called.
fn own_name() -> Option<String> {
    let program = env::current_exe().ok()?;
    Some(program.file_stem()?.to_string_lossy().into_owned())
}

/// Lets those spans pass that are at their end. That of a job which another process goes on with is not: that one sends it,
/// under the same id.
#[derive(Debug)]
struct Finished<P>(P);

impl<P: SpanProcessor> SpanProcessor for Finished<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.0.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        let goes_on = |value: &Value| value.as_str() == "unfinished";
        let is_outcome = |key: &opentelemetry::Key| key.as_str() == "outcome";
        if !span.attributes.iter().any(|said| is_outcome(&said.key) && goes_on(&said.value)) {
            self.0.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}
