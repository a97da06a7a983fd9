//! The provider over real sockets, as a client meets it.

#[cfg(test)]
mod simulate {
    mod client;
    mod dialects;
    mod faces;
    mod faults;
    mod memory;
    mod rounds;
    mod shapes;
    mod tool_server;
}
