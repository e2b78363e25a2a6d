//! Names in words.

use closesocket::engine::SocketId;
use closesocket::engine::completions::OperationId;

#[test]
fn sockets_and_operations_show_as_in_traces() {
    let socket = SocketId::of(3, 7);
    assert_eq!(socket.to_string(), "3.7");
    assert_eq!((socket.cell(), socket.generation()), (3, 7));
    assert_eq!(OperationId { socket, number: 12 }.to_string(), "3.7#12");
}
