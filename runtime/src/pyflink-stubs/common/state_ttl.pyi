from penstock.common.state_ttl import *
