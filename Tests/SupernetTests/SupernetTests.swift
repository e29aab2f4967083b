import Testing

@testable import Supernet
