from penstock.datastream.async_retry_predicates import *
