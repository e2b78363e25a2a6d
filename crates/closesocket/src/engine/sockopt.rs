//! The options that the transport keeps, each a type of its own, as
//! `setsockopt` and `getsockopt` know them.

use std::fmt::Debug;
use std::time::Duration;

/// An option of a socket that its transport keeps. Set it with
/// [`Process::set_option`](super::Process::set_option), and ask for it with
/// [`Process::option`](super::Process::option).
pub trait SocketOption: Copy + Debug + Sized {
    /// Its name, for the transport.
    const NAME: OptionName;

    /// The option as the transport takes it.
    fn into_value(self) -> OptionValue;

    /// The option in what a transport has answered; `None` if that is another.
    fn from_value(value: OptionValue) -> Option<Self>;
}

macro_rules! options {
    ($($(#[$doc:meta])+ $name:ident($value:ty);)+) => {
        $(
            $(#[$doc])+
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $name(pub $value);

            impl SocketOption for $name {
                const NAME: OptionName = OptionName::$name;

                fn into_value(self) -> OptionValue {
                    OptionValue::$name(self.0)
                }

                fn from_value(value: OptionValue) -> Option<Self> {
                    match value {
                        OptionValue::$name(value) => Some(Self(value)),
                        _ => None,
                    }
                }
            }
        )+

        /// Which option.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OptionName {
            $($(#[$doc])+ $name,)+
        }

        /// An option with its value, as a transport takes and gives it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OptionValue {
            $($(#[$doc])+ $name($value),)+
        }

        impl OptionValue {
            /// Which option it is a value of.
            #[must_use]
            pub const fn name(self) -> OptionName {
                match self {
                    $(Self::$name(_) => OptionName::$name,)+
                }
            }
        }
    };
}

options! {
    /// `TCP_NODELAY`: small segments are sent at once.
    NoDelay(bool);
    /// `SO_KEEPALIVE`: an idle peer is asked whether it is still there.
    KeepAlive(bool);
    /// `TCP_KEEPIDLE`: how long a connection is idle before its peer is asked, in
    /// whole seconds, rounded up.
    KeepAliveIdle(Duration);
    /// `TCP_KEEPINTVL`: how long an answer is waited for before the peer is asked
    /// again, in whole seconds, rounded up.
    KeepAliveInterval(Duration);
    /// `TCP_KEEPCNT`: how many times the peer is asked in vain before the connection
    /// is lost.
    KeepAliveCount(u32);
    /// `TCP_USER_TIMEOUT` (Winsock's `TCP_MAXRT`): how long sent bytes may stay
    /// unacknowledged before the connection is lost, in milliseconds; `None` leaves
    /// it to the network.
    UserTimeout(Option<Duration>);
    /// `SO_SNDBUF`: the size of the network's send buffer in bytes. A network may
    /// make another number of it.
    SendBuffer(usize);
    /// `SO_RCVBUF`: the size of the network's receive buffer in bytes, likewise.
    ReceiveBuffer(usize);
    /// `IPV6_V6ONLY`: a socket of IPv6 takes no IPv4. To be set before the bind.
    OnlyV6(bool);
}
