//! Connections in memory: a transport for tests and for embedding.
//!
//! Every connection has a bounded window each way. Its far end can be another
//! socket of the provider, or a [`Peer`] that knows nothing of the engine and
//! can stall, reset and vanish.

mod endpoint;
mod faults;
mod link;
mod peer;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, Weak};

pub use endpoint::MemoryEndpoint;
use endpoint::Role;
pub use faults::{Call, Fault};
use faults::{Faults, Met};
use link::Link;
pub use peer::{Peer, PeerListener, PeerRead};

use super::keeper::Keepers;
use super::primitives::{Monitor, Primitives, Word};
use super::standard::Std;
use super::transport::{Events, Token, Transport};
use crate::protocol::Error;

/// An address in a memory network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemoryAddress(pub u32);

/// A network in memory. Clones are the same network.
pub struct Memory<P: Primitives = Std> {
    network: Arc<Network<P>>,
    keepers: Arc<Keepers<Network<P>>>,
}

/// How many keepers of a network the threads are spread over.
const KEEPERS: usize = 8;

type LinkOf<P> = Arc<<P as Primitives>::Monitor<Link>>;

struct Network<P: Primitives> {
    window: usize,
    events: OnceLock<Weak<dyn Events>>,
    listeners: P::Monitor<Listeners<P>>,
    pending: P::Monitor<PendingEvents>,
    /// How many events are pending: who has noted none finds that by a look.
    noted: P::Word,
    /// What goes wrong, once something was to.
    faults: OnceLock<P::Monitor<Faults>>,
}

struct Listeners<P: Primitives> {
    by_address: HashMap<MemoryAddress, Backlog<P>>,
    /// The addresses that sockets of the engine have bound, listening or not.
    bound: HashSet<MemoryAddress>,
    next_address: u32,
}

impl<P: Primitives> Listeners<P> {
    /// An address that nobody has bound, beyond what tests write by hand.
    const fn any_address(&mut self) -> MemoryAddress {
        self.next_address = self.next_address.wrapping_add(1);
        MemoryAddress(u32::MAX - self.next_address)
    }
}

/// The connections that wait at an address.
struct Backlog<P: Primitives> {
    token: Option<Token>,
    limit: usize,
    waiting: VecDeque<LinkOf<P>>,
    /// A connect is done at once, not only when it is accepted.
    eager: bool,
}

#[derive(Default)]
struct PendingEvents {
    tokens: VecDeque<Token>,
    /// Somebody is delivering and will deliver these too; so deliveries do not
    /// nest, however long two sockets keep each other busy.
    delivering: bool,
}

impl<P: Primitives> Memory<P> {
    /// A network whose connections have this window in bytes, each way.
    #[must_use]
    pub fn with_window(window: usize) -> Self {
        let network = Arc::new(Network {
            window,
            events: OnceLock::new(),
            listeners: Monitor::new(Listeners {
                by_address: HashMap::new(),
                bound: HashSet::new(),
                next_address: 1,
            }),
            pending: Monitor::new(PendingEvents::default()),
            noted: Word::new(0),
            faults: OnceLock::new(),
        });
        Self {
            keepers: Arc::new(Keepers::new(&network, KEEPERS)),
            network,
        }
    }

    /// Has the network itself go wrong, on every socket of the engine.
    pub fn inject(&self, fault: Fault) {
        let faults = || Monitor::new(Faults::none());
        let faults = self.network.faults.get_or_init(faults);
        faults.lock(|faults| faults.add(fault));
    }

    /// A listener outside the engine, for its sockets to connect to. A connect
    /// is done when [`PeerListener::accept`] has taken it.
    ///
    /// # Errors
    /// [`Error::AddressInUse`].
    pub fn listen(&self, address: MemoryAddress) -> Result<PeerListener<P>, Error> {
        self.network.listen(address, None, usize::MAX, false)?;
        Ok(PeerListener::new(Arc::clone(&self.network), address))
    }

    /// Connects from outside the engine to a socket that listens.
    ///
    /// # Errors
    /// [`Error::ConnectionRefused`] if nobody listens there or the backlog is
    /// full.
    pub fn dial(&self, address: MemoryAddress) -> Result<Peer<P>, Error> {
        let (link, _) = self.network.dial(None, address)?;
        self.network.deliver();
        Ok(Peer::new(Arc::clone(&self.network), link, 0))
    }
}

impl<P: Primitives> Default for Memory<P> {
    /// A network with windows of 64 KiB.
    fn default() -> Self {
        Self::with_window(64 * 1024)
    }
}

impl<P: Primitives> Clone for Memory<P> {
    fn clone(&self) -> Self {
        Self {
            network: Arc::clone(&self.network),
            keepers: Arc::clone(&self.keepers),
        }
    }
}

impl<P: Primitives> std::fmt::Debug for Memory<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Memory")
            .field("window", &self.network.window)
            .finish_non_exhaustive()
    }
}

impl<P: Primitives> Network<P> {
    fn listen(
        &self,
        address: MemoryAddress,
        token: Option<Token>,
        limit: usize,
        eager: bool,
    ) -> Result<(), Error> {
        self.listeners.lock(|listeners| {
            let bound = token.is_none() && listeners.bound.contains(&address);
            if bound || listeners.by_address.contains_key(&address) {
                return Err(Error::AddressInUse);
            }
            let backlog = Backlog {
                token,
                limit,
                waiting: VecDeque::new(),
                eager,
            };
            listeners.by_address.insert(address, backlog);
            Ok(())
        })
    }

    /// Binds a socket of the engine.
    fn bind(&self, address: MemoryAddress) -> Result<(), Error> {
        self.listeners.lock(|listeners| {
            if listeners.by_address.contains_key(&address) || !listeners.bound.insert(address) {
                return Err(Error::AddressInUse);
            }
            Ok(())
        })
    }

    /// Puts a new connection into a backlog, from this address or from any. True if
    /// it is established.
    fn dial(
        &self,
        from: Option<MemoryAddress>,
        address: MemoryAddress,
    ) -> Result<(LinkOf<P>, bool), Error> {
        self.listeners.lock(|listeners| {
            let addresses = [from.unwrap_or_else(|| listeners.any_address()), address];
            let backlog = listeners
                .by_address
                .get_mut(&address)
                .ok_or(Error::ConnectionRefused)?;
            if backlog.waiting.len() >= backlog.limit {
                return Err(Error::ConnectionRefused);
            }
            let link: LinkOf<P> = {
                let link = Link::new(self.window, backlog.eager, addresses);
                Arc::new(Monitor::new(link))
            };
            backlog.waiting.push_back(Arc::clone(&link));
            self.note(backlog.token);
            Ok((link, backlog.eager))
        })
    }

    fn accept(&self, address: MemoryAddress) -> Option<LinkOf<P>> {
        let link = self
            .listeners
            .lock(|listeners| listeners.by_address.get_mut(&address)?.waiting.pop_front())?;
        link.lock(|link| {
            link.established = true;
            self.note(link.halves[0].token);
        });
        Some(link)
    }

    /// Ends a listener: whoever waits in its backlog is reset (O7).
    fn close_listener(&self, address: MemoryAddress) {
        let backlog = self.listeners.lock(|listeners| {
            listeners.bound.remove(&address);
            listeners.by_address.remove(&address)
        });
        for link in backlog.into_iter().flat_map(|backlog| backlog.waiting) {
            link.lock(|link| {
                link.refused = !link.established;
                link.reset(1);
                self.note(link.halves[0].token);
            });
        }
    }

    /// What a call of a socket of the engine meets.
    fn meet(&self, call: Call) -> Result<Met, Error> {
        match self.faults.get() {
            None => Ok(Met::Done(usize::MAX)),
            Some(faults) => faults.lock(|faults| faults.meet(call)),
        }
    }

    fn note(&self, token: Option<Token>) {
        if let Some(token) = token {
            self.pending.lock(|pending| {
                if !pending.tokens.contains(&token) {
                    pending.tokens.push_back(token);
                    self.noted.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
    }

    /// Delivers the events noted so far, unless somebody is at it already.
    /// Holds no lock while it calls out.
    fn deliver(&self) {
        if self.noted.load(Ordering::Acquire) != 0 {
            self.deliver_noted();
        }
    }

    // Apart from the question, which every call asks.
    #[inline(never)]
    fn deliver_noted(&self) {
        let Some(events) = self.events.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut first = true;
        loop {
            let next = self.pending.lock(|pending| {
                if first && pending.delivering {
                    return None;
                }
                let next = pending.tokens.pop_front();
                pending.delivering = next.is_some();
                if next.is_some() {
                    self.noted.fetch_sub(1, Ordering::AcqRel);
                }
                next
            });
            first = false;
            match next {
                Some(token) => events.ready(token),
                None => return,
            }
        }
    }
}

impl<P: Primitives> Transport for Memory<P> {
    type Endpoint = MemoryEndpoint<P>;

    fn attach(&self, events: Weak<dyn Events>) {
        // A second provider on one network hears nothing; its sockets are
        // driven by calls alone.
        let _ = self.network.events.set(events);
    }

    fn open(&self, token: Token) -> Result<MemoryEndpoint<P>, Error> {
        self.network.meet(Call::Open)?;
        Ok(MemoryEndpoint {
            network: self.keepers.own::<P>().clone(),
            token: Some(token),
            address: None,
            bound: false,
            role: Role::Fresh,
            unsent_waits: false,
        })
    }

    fn deliver_events(&self) {
        self.network.deliver();
    }
}
