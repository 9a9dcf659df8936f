from penstock.common.time import *
