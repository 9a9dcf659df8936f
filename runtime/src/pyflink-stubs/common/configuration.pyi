from penstock.common.configuration import *
