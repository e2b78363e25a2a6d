//! The suite finds transports that are wrong: each has one fault, planted in
//! connections in memory.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use closesocket::engine::Error;
use closesocket::engine::net::{
    self, Connecting, Endpoint, Events, Found, Memory, MemoryAddress, MemoryEndpoint, PeerListener,
    Received, Token, Transport,
};
use closesocket_conformance::{Fault, InMemory, Network, Verdict, behaviours, check_all};

/// What is wrong with a transport.
mod fault {
    pub(crate) const NONE: u8 = 0;
    /// The last chunk that had to wait for room goes missing at the FIN.
    pub(crate) const LAST_CHUNK_LOST: u8 = 1;
    /// Everything is acknowledged before it has arrived.
    pub(crate) const ACKNOWLEDGED_TOO_EARLY: u8 = 2;
    /// No event is reported.
    pub(crate) const SILENT: u8 = 3;
    /// Events are reported under another endpoint's token.
    pub(crate) const WRONG_TOKEN: u8 = 4;
    /// A reset by the peer looks like the end of its stream.
    pub(crate) const RESET_SWALLOWED: u8 = 5;
    /// Of what has come in one piece, the second half comes first.
    pub(crate) const REORDERED: u8 = 6;
    /// The end of the stream comes once more in front of what has arrived.
    pub(crate) const END_TWICE: u8 = 7;
    /// A hard close sends a FIN.
    pub(crate) const FIN_FOR_RESET: u8 = 8;
    /// Of what the network took only a part, it says that it has all.
    pub(crate) const PART_FOR_ALL: u8 = 9;
    /// What the network refuses it says it has sent.
    pub(crate) const REFUSAL_SWALLOWED: u8 = 10;
}

/// The fault of the next transport, and whose turn it is to say. It is no parameter
/// of the network: suite and engine would be compiled once for each fault.
static FAULT: AtomicU8 = AtomicU8::new(fault::NONE);
static TURN: Mutex<()> = Mutex::new(());

/// Connections in memory with a fault.
struct Planted {
    fault: u8,
    memory: Memory,
    /// Kept alive for the network, which has it weakly only.
    events: Mutex<Option<Arc<dyn Events>>>,
}

struct PlantedEndpoint {
    fault: u8,
    inner: MemoryEndpoint,
    /// More waits in the engine.
    unsent_waits: bool,
    /// Taken, and not yet sent.
    held: Vec<u8>,
    /// The end was told once.
    ended: bool,
}

/// Events on their way to the engine.
struct Reporting {
    fault: u8,
    events: Weak<dyn Events>,
}

impl Events for Reporting {
    fn ready(&self, token: Token) {
        let token = match self.fault {
            fault::SILENT => return,
            fault::WRONG_TOKEN => Token(token.0 + 1),
            _ => token,
        };
        if let Some(events) = self.events.upgrade() {
            events.ready(token);
        }
    }

    fn tick(&self) -> Option<Duration> {
        self.events.upgrade()?.tick()
    }
}

impl Transport for Planted {
    type Endpoint = PlantedEndpoint;

    fn attach(&self, events: Weak<dyn Events>) {
        let reporting: Arc<dyn Events> = Arc::new(Reporting {
            fault: self.fault,
            events,
        });
        self.memory.attach(Arc::downgrade(&reporting));
        *self.events.lock().unwrap() = Some(reporting);
    }

    fn open(&self, token: Token) -> Result<Self::Endpoint, Error> {
        let inner = self.memory.open(token)?;
        Ok(PlantedEndpoint::over(inner, self.fault))
    }

    fn deliver_events(&self) {
        self.memory.deliver_events();
    }
}

impl PlantedEndpoint {
    fn over(inner: MemoryEndpoint, fault: u8) -> Self {
        Self {
            fault,
            inner,
            unsent_waits: false,
            held: Vec::new(),
            ended: false,
        }
    }
}

impl Endpoint for PlantedEndpoint {
    type Address = MemoryAddress;

    fn bind(&mut self, address: &MemoryAddress) -> Result<(), Error> {
        self.inner.bind(address)
    }

    fn local_address(&self) -> Result<MemoryAddress, Error> {
        self.inner.local_address()
    }

    fn listen(&mut self, backlog: u32) -> Result<(), Error> {
        self.inner.listen(backlog)
    }

    fn connect(&mut self, address: &MemoryAddress) -> Result<Connecting, Error> {
        self.inner.connect(address)
    }

    fn connect_progress(&mut self) -> Result<Connecting, Error> {
        self.inner.connect_progress()
    }

    fn accept(&mut self) -> Result<Option<Self>, Error> {
        let accepted = self.inner.accept()?;
        Ok(accepted.map(|inner| Self::over(inner, self.fault)))
    }

    fn register(&mut self, token: Token) -> Result<(), Error> {
        self.inner.register(token)
    }

    fn send(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        match self.fault {
            fault::PART_FOR_ALL => return self.inner.send(bytes).map(|_| bytes.len()),
            fault::REFUSAL_SWALLOWED => return self.inner.send(bytes).or(Ok(bytes.len())),
            fault::LAST_CHUNK_LOST if self.unsent_waits => {}
            _ => return self.inner.send(bytes),
        }
        let sent = self.inner.send(&self.held)?;
        self.held.drain(..sent);
        if self.held.is_empty() {
            self.held = bytes[..bytes.len().min(1000)].to_vec();
            return Ok(self.held.len());
        }
        Ok(0)
    }

    fn set_unsent_waits(&mut self, waits: bool) {
        self.unsent_waits = waits;
        self.inner.set_unsent_waits(waits);
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<Received, Error> {
        let received = self.inner.receive(buffer);
        match (self.fault, received) {
            (fault::RESET_SWALLOWED, Err(Error::ConnectionReset)) => Ok(Received::End),
            (fault::REORDERED, Ok(Received::Bytes(bytes))) => {
                buffer[..bytes].rotate_left(bytes / 2);
                received
            }
            (fault::END_TWICE, Ok(Received::Bytes(_))) if !self.ended => {
                self.ended = true;
                Ok(Received::End)
            }
            _ => received,
        }
    }

    fn look(&mut self) -> Result<Found, Error> {
        self.inner.look()
    }

    fn unacknowledged(&mut self) -> Result<usize, Error> {
        let bytes = self.inner.unacknowledged()?;
        Ok(if self.fault == fault::ACKNOWLEDGED_TOO_EARLY {
            0
        } else {
            bytes
        })
    }

    fn send_fin(&mut self) -> Result<(), Error> {
        self.inner.send_fin()
    }

    fn shut_down_receive(&mut self) {
        self.inner.shut_down_receive();
    }

    fn reset(&mut self) {
        if self.fault == fault::FIN_FOR_RESET && self.inner.send_fin().is_ok() {
            return;
        }
        self.inner.reset();
    }
}

impl Network for Planted {
    type Transport = Self;
    type Peer = net::Peer;
    type Listener = PeerListener;

    fn transport() -> Self {
        Self {
            fault: FAULT.load(Ordering::SeqCst),
            memory: InMemory::transport(),
            events: Mutex::new(None),
        }
    }

    fn listen(transport: &Self) -> PeerListener {
        InMemory::listen(&transport.memory)
    }

    fn address(listener: &PeerListener) -> MemoryAddress {
        InMemory::address(listener)
    }

    fn accept(listener: &PeerListener) -> net::Peer {
        InMemory::accept(listener)
    }

    fn free_address() -> MemoryAddress {
        InMemory::free_address()
    }

    fn acknowledged_unread() -> usize {
        InMemory::acknowledged_unread()
    }

    fn inject(transport: &Self, fault: Fault) {
        InMemory::inject(&transport.memory, fault);
    }

    fn dial(transport: &Self, address: &MemoryAddress) -> net::Peer {
        InMemory::dial(&transport.memory, address)
    }
}

/// What the suite says to some of its behaviours over these connections, in their
/// order. A transport that loses an event holds a behaviour for ever; the others
/// end in no time.
fn verdicts(fault: u8, names: &[&str], patience: u64) -> Vec<Verdict> {
    let all = behaviours::<Planted>();
    let named = |name: &&str| {
        let found = all.iter().find(|it| it.name().ends_with(*name));
        found
            .unwrap_or_else(|| panic!("there is no {name}"))
            .clone()
    };
    let chosen: Vec<_> = names.iter().map(named).collect();
    // Another test that failed in its turn has said so.
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    FAULT.store(fault, Ordering::SeqCst);
    check_all(&chosen, Duration::from_secs(patience))
}

/// These fail with the fault and hold without, those hold with it.
fn finds(fault: u8, fail: &[&str], hold: &[&str]) {
    for (name, verdict) in fail.iter().zip(verdicts(fault, fail, SHORT)) {
        assert!(matches!(verdict, Verdict::Fails(_)), "{name}: {verdict:?}");
    }
    let healthy = verdicts(fault::NONE, fail, LONG);
    let well = verdicts(fault, hold, LONG);
    for (name, verdict) in fail.iter().zip(healthy).chain(hold.iter().zip(well)) {
        assert_eq!(verdict, Verdict::Holds, "{name}");
    }
}

/// Longer than any behaviour takes, in seconds.
const LONG: u64 = 120;
/// How long to wait for what may never end and has to fail, in seconds.
const SHORT: u64 = 5;

#[test]
fn a_transport_that_loses_the_last_chunk_is_found() {
    finds(
        fault::LAST_CHUNK_LOST,
        &[
            "lt1_a_close_returns_at_once_and_sends_all_in_the_background",
            "lt3_a_close_waits_until_the_peer_has_everything",
            "s1a_pending_sends_go_on_after_a_shutdown_and_the_fin_follows_them",
            "d6_queued_data_and_fin_wait_for_the_last_reference",
        ],
        &[
            "lt4_a_close_that_can_finish_at_once_is_graceful",
            "lt2_a_hard_close_resets_and_discards",
        ],
    );
}

#[test]
fn a_transport_that_acknowledges_too_early_is_found() {
    finds(
        fault::ACKNOWLEDGED_TOO_EARLY,
        &["lt4_a_close_would_block_while_the_transport_has_what_the_peer_has_not"],
        &[
            "lt4_a_close_that_can_finish_at_once_is_graceful",
            "lt3_a_close_waits_until_the_peer_has_everything",
        ],
    );
}

#[test]
fn a_transport_that_never_reports_readiness_is_found() {
    finds(
        fault::SILENT,
        &[
            "r6_readiness_is_signalled_once_until_a_call_re_arms_it",
            "o7_a_connect_that_completed_keeps_its_success",
            "fault_a_storm_of_would_block_loses_nothing_that_was_sent",
            "fault_a_storm_of_would_block_loses_nothing_that_is_received",
        ],
        &[
            "lt1_dont_linger_is_the_setting_of_a_new_socket",
            "l8_a_lingering_close_of_an_unconnected_socket_returns",
        ],
    );
}

#[test]
fn a_transport_that_reports_to_the_wrong_token_is_found() {
    finds(
        fault::WRONG_TOKEN,
        &[
            "r8_packets_come_in_the_order_of_their_receives",
            "fault_a_used_up_window_holds_a_blocked_send_until_the_peer_reads",
        ],
        &["lt1_dont_linger_is_the_setting_of_a_new_socket"],
    );
}

#[test]
fn a_transport_that_takes_a_reset_for_an_end_is_found() {
    finds(
        fault::RESET_SWALLOWED,
        &[
            "arrivals::r1_an_answer_outlives_the_send_that_meets_the_reset",
            "l5_after_a_reset_by_the_peer_a_lingering_close_returns_success",
            "e2_every_error_that_a_user_meets_has_its_code_its_kind_and_words",
        ],
        &[
            "l5_a_reset_by_the_peer_ends_a_background_drain",
            "lt2_a_hard_close_resets_and_discards",
        ],
    );
}

#[test]
fn a_transport_that_reorders_is_found() {
    finds(
        fault::REORDERED,
        &[
            "o6_a_large_transfer_between_two_sockets_of_the_engine_arrives_whole",
            "s1_after_a_shutdown_of_the_send_side_receiving_goes_on",
            "d7_closing_one_descriptor_leaves_the_unread_data_to_the_other",
        ],
        &["lt3_a_close_waits_until_the_peer_has_everything"],
    );
}

#[test]
fn a_transport_that_tells_the_end_twice_is_found() {
    finds(
        fault::END_TWICE,
        &[
            "r2_an_empty_receive_waits_for_input_and_takes_none",
            "d4_descriptors_of_one_socket_send_and_receive_independently",
            "r7_accepted_connections_leave_the_address_to_the_next_listener",
        ],
        &["lt3_a_close_waits_until_the_peer_has_everything"],
    );
}

#[test]
fn a_transport_that_sends_a_fin_for_a_reset_is_found() {
    finds(
        fault::FIN_FOR_RESET,
        &[
            "d6_a_hard_linger_resets_only_with_the_last_reference",
            "l6_under_reset_a_peer_that_reads_sees_the_reset",
        ],
        &["lt3_a_close_waits_until_the_peer_has_everything"],
    );
}

#[test]
fn a_transport_that_takes_a_part_for_all_is_found() {
    finds(
        fault::PART_FOR_ALL,
        &["fault_short_sends_lose_nothing_and_keep_the_order"],
        &["fault_short_receives_lose_nothing_and_keep_the_order"],
    );
}

#[test]
fn a_transport_that_swallows_a_refusal_is_found() {
    finds(
        fault::REFUSAL_SWALLOWED,
        &[
            "fault_a_refused_send_is_told_and_was_not_accepted",
            "fault_an_overlapped_send_that_is_refused_ends_once_with_the_error",
            "fault_queued_data_that_is_refused_ends_in_no_clean_end",
        ],
        &["fault_a_receive_that_fails_ends_every_receive_once"],
    );
}

#[test]
fn what_a_network_does_not_offer_is_skipped_and_says_why() {
    let skipped = verdicts(
        fault::NONE,
        &["o4_a_blocked_connect_returns_wsaeintr"],
        LONG,
    );
    let why = "no address on it leaves connects pending";
    assert_eq!(skipped, [Verdict::Skipped(why.into())]);
}
