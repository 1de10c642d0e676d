//! The endpoints that metrics tell apart.

use keyweir_policy::terms::endpoint::Endpoint;

/// In the order of their discriminants.
pub(super) const ENDPOINTS: [Endpoint; 7] = [
    Endpoint::Inference,
    Endpoint::CountTokens,
    Endpoint::Batches,
    Endpoint::Files,
    Endpoint::Models,
    Endpoint::Probe,
    Endpoint::Other,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_stand_in_the_order_of_their_discriminants() {
        for (position, endpoint) in ENDPOINTS.into_iter().enumerate() {
            assert_eq!(endpoint as usize, position);
        }
    }
}
