//! Operations and shutdowns that meet the wrong connection.

use closesocket::protocol::{
    Actions, Cause, Connection, Error, Linger, OperationKind, SendSide, Socket,
};

use crate::{CONNECTIONS, KINDS, close, request, socket};

#[test]
fn each_operation_meets_each_connection_with_the_right_error() {
    use Connection::{Connected, Connecting, Listening, Lost, Unconnected};
    use OperationKind::{Accept, Connect, Recv, Send};
    for connection in CONNECTIONS {
        for kind in KINDS {
            let expected = match (kind, connection) {
                (Send | Recv, Connected) | (Accept, Listening) | (Connect, Unconnected) => Ok(()),
                // What arrived before the loss can still be received.
                (Recv, Lost) => Ok(()),
                (Connect, Connecting) => Err(Error::AlreadyInProgress),
                (Send | Connect, Lost) => Err(Error::ConnectionReset),
                (Send | Recv, _) => Err(Error::NotConnected),
                (Connect, Connected) => Err(Error::AlreadyConnected),
                (Accept | Connect, _) => Err(Error::InvalidArgument),
            };
            let socket = socket(connection);
            assert_eq!(
                socket.may_start(kind, true),
                expected,
                "{kind:?} {connection:?}"
            );
        }
    }
    let mut lost = socket(Connected);
    let _ = lost.connection_lost();
    assert_eq!(lost.may_start(Recv, true), Ok(()));
    assert_eq!(lost.may_go_on(Recv), Ok(()));
    let _ = lost.receive_side_lost();
    assert_eq!(lost.may_start(Recv, true), Err(Error::ConnectionReset));
    assert_eq!(lost.may_go_on(Recv), Err(Error::ConnectionReset));
    let mut never = socket(Connecting);
    let _ = never.connection_lost();
    assert_eq!(never.may_start(Recv, true), Err(Error::ConnectionReset));
    let mut shut = socket(Connected);
    assert_eq!(shut.shut_down_receive(), Ok(()));
    assert_eq!(shut.may_start(Recv, true), Err(Error::ShutDown));
    assert_eq!(shut.may_go_on(Recv), Ok(()));
    assert_eq!(shut.may_start(Send, true), Ok(()));
    let _ = shut.shut_down_send(false).expect("connected");
    assert_eq!(shut.may_start(Send, true), Err(Error::ShutDown));
    assert_eq!(shut.may_go_on(Send), Err(Error::ShutDown));
    let mut pending = socket(Connected);
    let _ = pending.shut_down_send(true).expect("connected");
    assert_eq!(pending.may_start(Send, true), Err(Error::ShutDown));
    assert_eq!(pending.may_go_on(Send), Ok(()));
}

#[test]
fn the_fin_of_a_shutdown_waits_for_the_sends_that_are_pending() {
    let mut socket = socket(Connection::Connected);
    assert_eq!(socket.sends_ended(), Actions::NONE, "nothing was shut down");
    assert_eq!(socket.send_side, SendSide::Open);
    assert_eq!(socket.shut_down_send(true), Ok(Actions::NONE));
    assert_eq!(socket.accept_bytes(5), 5, "of a pending send");
    let _ = socket.transmitted(5);
    assert_eq!(socket.send_side, SendSide::ShuttingDown);
    // Shutting down again does not make it due either.
    assert_eq!(socket.shut_down_send(true), Ok(Actions::NONE));
    let mut closed = Socket {
        linger: Linger::off().set_on(0),
        ..socket
    };
    assert!(close(&mut closed, request(Cause::Call)).is_ok_and(|it| it.actions.reset));
    let after = closed;
    assert_eq!(closed.sends_ended(), Actions::NONE);
    assert_eq!(closed, after, "a closed socket stays as it ended");
    assert!(socket.sends_ended().send_fin);
    assert_eq!(socket.accept_bytes(1), 0, "nothing follows the FIN");
    assert_eq!(socket.sends_ended(), Actions::NONE);
}

#[test]
fn a_lost_connection_sends_no_fin_for_what_it_discarded() {
    let mut socket = socket(Connection::Connected);
    assert_eq!(socket.accept_bytes(10), 10);
    assert_eq!(socket.shut_down_send(false), Ok(Actions::default()));
    assert_eq!(socket.connection_lost(), Actions::default());
    assert_eq!(socket.acknowledged(10), Actions::default());
    assert_eq!(socket.transmitted(10), Actions::default());
    assert_eq!(socket.queued(), 0);
}
