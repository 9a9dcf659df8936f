from penstock.metrics.registered import *
