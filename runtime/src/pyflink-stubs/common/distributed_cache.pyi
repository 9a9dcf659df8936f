from penstock.common.distributed_cache import *
