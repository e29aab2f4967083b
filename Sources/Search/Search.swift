import Supernet
