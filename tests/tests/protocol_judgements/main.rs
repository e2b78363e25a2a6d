//! Every branch of every invariant, on one step that it allows and on those that
//! it condemns. The model's defects break each invariant as users would see it
//! broken; here each of its conditions is broken alone, those included that no
//! defect reaches.

mod arrivals;
mod closes;
mod descriptors;
mod operations;
mod sockets;
mod unmodelled;
mod world;
