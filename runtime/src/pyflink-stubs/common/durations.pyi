from penstock.common.durations import *
