from penstock.common.serialization import *
