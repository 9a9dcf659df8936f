from penstock.datastream.async_retry_strategies import *
