//! Options of a socket, as the kernel has them.
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::common::world::World;
use closesocket::engine::sockopt::{
    KeepAlive, KeepAliveCount, KeepAliveIdle, KeepAliveInterval, NoDelay, OnlyV6, ReceiveBuffer,
    SendBuffer, UserTimeout,
};
use closesocket::engine::{Descriptor, Error};
use closesocket_tcp::native;
use socket2::SockRef;

/// What the kernel says of a descriptor's socket.
fn kernel<R>(world: &World, descriptor: Descriptor, ask: impl Fn(SockRef<'_>) -> R) -> R {
    let lent = native::lend(&world.process, descriptor).unwrap();
    ask(SockRef::from(&lent))
}

#[test]
fn options_reach_the_kernels_socket() {
    let world = World::new();
    let process = &world.process;
    let (it, _peer) = world.connect();
    process.set_option(it, NoDelay(false)).unwrap();
    assert!(!kernel(&world, it, |it| it.tcp_nodelay().unwrap()));
    process.set_option(it, KeepAlive(true)).unwrap();
    assert!(kernel(&world, it, |it| it.keepalive().unwrap()));
    // What is less than the kernel's unit is rounded up.
    let times = [3_000, 3_001].map(Duration::from_millis);
    for (time, seconds) in times.into_iter().zip([3, 4]) {
        process.set_option(it, KeepAliveIdle(time)).unwrap();
        process.set_option(it, KeepAliveInterval(time)).unwrap();
        let seconds = Duration::from_secs(seconds);
        let idle = kernel(&world, it, |it| it.tcp_keepalive_time().unwrap());
        let interval = kernel(&world, it, |it| it.tcp_keepalive_interval().unwrap());
        assert_eq!((idle, interval), (seconds, seconds));
    }
    process.set_option(it, KeepAliveCount(7)).unwrap();
    let count = kernel(&world, it, |it| it.tcp_keepalive_retries().unwrap());
    assert_eq!(count, 7);
    let short = UserTimeout(Some(Duration::from_micros(1)));
    process.set_option(it, short).unwrap();
    let timeout = kernel(&world, it, |it| it.tcp_user_timeout().unwrap());
    assert_eq!(timeout, Some(Duration::from_millis(1)));
    process.set_option(it, UserTimeout(None)).unwrap();
    assert_eq!(process.option(it), Ok(UserTimeout(None)));
    process.set_option(it, SendBuffer(20_000)).unwrap();
    process.set_option(it, ReceiveBuffer(30_000)).unwrap();
    let sizes = kernel(&world, it, |it| {
        (
            it.send_buffer_size().unwrap(),
            it.recv_buffer_size().unwrap(),
        )
    });
    assert_eq!(sizes, (40_000, 60_000), "Linux doubles them");
    assert_eq!(process.option(it), Ok(SendBuffer(40_000)));
    process.close(it).unwrap();
}

#[test]
fn a_value_that_the_kernel_refuses_changes_nothing_before_and_after_a_connect() {
    let world = World::new();
    let process = &world.process;
    let new = process.socket().unwrap();
    let (connected, _peer) = world.connect();
    for it in [new, connected] {
        process.set_option(it, KeepAliveCount(3)).unwrap();
        for nonsense in [0, 10_000] {
            let refused = process.set_option(it, KeepAliveCount(nonsense));
            assert_eq!(refused, Err(Error::InvalidArgument));
        }
        assert_eq!(process.option(it), Ok(KeepAliveCount(3)));
        process.close(it).unwrap();
    }
}

#[test]
fn options_of_a_socket_that_has_no_family_yet_come_with_the_bind() {
    let world = World::new();
    let process = &world.process;
    for address in ["127.0.0.1:0", "[::]:0"] {
        let it = process.socket().unwrap();
        assert_eq!(process.option(it), Ok(NoDelay(true)), "by the settings");
        process.set_option(it, NoDelay(false)).unwrap();
        process.set_option(it, OnlyV6(false)).unwrap();
        assert_eq!(
            native::lend(process, it).err(),
            Some(Error::InvalidArgument)
        );
        process.bind(it, &address.parse().unwrap()).unwrap();
        assert!(!kernel(&world, it, |it| it.tcp_nodelay().unwrap()));
        let only_v6 = process.option(it);
        match address {
            "[::]:0" => assert_eq!(only_v6, Ok(OnlyV6(false))),
            _ => assert_eq!(only_v6, Err(Error::NoProtocolOption)),
        }
        process.close(it).unwrap();
    }
}

#[test]
fn a_listener_of_ipv6_takes_ipv4_if_it_is_told_to() {
    let world = World::new();
    let process = &world.process;
    let listener = process.socket().unwrap();
    process.set_option(listener, OnlyV6(false)).unwrap();
    let any: SocketAddr = "[::]:0".parse().unwrap();
    process.bind(listener, &any).unwrap();
    process.listen(listener, 4).unwrap();
    let late = process.set_option(listener, OnlyV6(true));
    assert_eq!(late, Err(Error::InvalidArgument), "it is bound");
    let port = process.local_address(listener).unwrap().port();
    let _peer = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let accepted = process.accept(listener).unwrap();
    process.close(accepted).unwrap();
    process.close(listener).unwrap();
}
