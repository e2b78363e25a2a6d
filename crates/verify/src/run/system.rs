//! What a run runs: the engine over TCP, recorded.

use std::time::Duration;

use closesocket::engine::sync::{Std, SystemClock};
use closesocket_tcp::Tcp;
use closesocket_trace::Recorder;

type System = (Tcp, Std, SystemClock, Recorder);
pub(super) type Process = closesocket::engine::Process<System>;
pub(super) type Provider = closesocket::engine::Provider<System>;

/// How long a call may block or a connection may be open before it counts as
/// stuck.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
